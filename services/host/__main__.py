"""`python -m services.host` is `pulsemesh-server`: how a supervisor starts its workers."""

from services.host.cli import main

main(prog_name="pulsemesh-server")
