from engine.control import Control, Desired


def test_a_wish_is_read_back_as_it_was_and_keeps_what_it_does_not_know() -> None:
    control = Control(desired=Desired.PAUSE, request_id="a", order=3.5, by="deck", at="now")
    assert Control.from_json(control.to_json()) == control
    assert Control.from_json({"later": 1}).to_json()["later"] == 1


def test_what_cannot_be_understood_changes_nothing() -> None:
    assert Control.from_json({"desired": "explode", "order": "first"}) == Control()
