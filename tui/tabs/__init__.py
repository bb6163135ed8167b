"""The tabs of the job screen: each shows one side of a job and has keys of its own."""
