"""Which class of which library holds the settings of a method or an adapter."""

from dataclasses import dataclass
from typing import Literal

from engine.errors import UsageError


@dataclass(frozen=True)
class Config:
    """A configuration class: where it is looked for, and whose versions decide its fields."""

    name: str
    kind: Literal["method", "adapter"]
    class_name: str
    modules: tuple[str, ...]
    """Modules to import it from, in order of preference; libraries move their classes."""

    distributions: tuple[str, ...]
    """Every distribution that the fields come from."""


def _method(name: str, class_name: str) -> Config:
    modules = ("trl", f"trl.experimental.{name}")
    return Config(name, "method", class_name, modules, ("trl", "transformers"))


def _adapter(name: str, class_name: str) -> Config:
    return Config(name, "adapter", class_name, ("peft",), ("peft",))


METHODS = {
    name: _method(name, class_name)
    for name, class_name in {
        "sft": "SFTConfig",
        "dpo": "DPOConfig",
        "kto": "KTOConfig",
        "orpo": "ORPOConfig",
        "cpo": "CPOConfig",
        "reward": "RewardConfig",
        "grpo": "GRPOConfig",
        "rloo": "RLOOConfig",
        "online_dpo": "OnlineDPOConfig",
        "distillation": "DistillationConfig",
        "gkd": "GKDConfig",
    }.items()
}

ADAPTERS = {
    name: _adapter(name, class_name)
    for name, class_name in {
        "lora": "LoraConfig",
        "osf": "OSFConfig",
        "adalora": "AdaLoraConfig",
        "adamss": "AdamssConfig",
        "beft": "BeftConfig",
        "boft": "BOFTConfig",
        "c3a": "C3AConfig",
        "cartridge": "CartridgeConfig",
        "deft": "DeftConfig",
        "delora": "DeloraConfig",
        "fourierft": "FourierFTConfig",
        "frod": "FrodConfig",
        "glora": "GloraConfig",
        "gralora": "GraloraConfig",
        "hira": "HiraConfig",
        "hra": "HRAConfig",
        "ia3": "IA3Config",
        "lily": "LilyConfig",
        "ln_tuning": "LNTuningConfig",
        "loha": "LoHaConfig",
        "lokr": "LoKrConfig",
        "miss": "MissConfig",
        "oft": "OFTConfig",
        "p_tuning": "PromptEncoderConfig",
        "peanut": "PeanutConfig",
        "prefix_tuning": "PrefixTuningConfig",
        "prompt_tuning": "PromptTuningConfig",
        "psoft": "PsoftConfig",
        "pvera": "PveraConfig",
        "randlora": "RandLoraConfig",
        "road": "RoadConfig",
        "shira": "ShiraConfig",
        "supertuning": "SupertuningConfig",
        "tinylora": "TinyLoraConfig",
        "trainable_tokens": "TrainableTokensConfig",
        "unilora": "UniLoraConfig",
        "vblora": "VBLoRAConfig",
        "vera": "VeraConfig",
        "waveft": "WaveFTConfig",
    }.items()
}

# Our own names for a method that trains with another's settings.
ALIASES = {"pretrain": "sft", "osft": "sft"}


def config(name: str) -> Config:
    """The configuration class of a method or an adapter; raises UsageError for any other name."""
    known = METHODS | ADAPTERS
    try:
        return known[ALIASES.get(name, name)]
    except KeyError:
        raise UsageError(
            f"no settings are known for {name!r}",
            f"methods: {', '.join([*ALIASES, *METHODS])}; adapters: {', '.join(ADAPTERS)}",
        ) from None
