"""For tests, ours and everybody's: the strict emulator as a fixture, playbooks, contracts of tools and providers, virtual time."""
