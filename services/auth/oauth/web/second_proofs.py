"""Second proofs on our pages: the code of an authenticator app, or a recovery code."""

from __future__ import annotations

import re

from pulsemesh.auth.v1.second_factor_service_pb2 import CompleteSignInRequest
from services.auth.oauth.web.visits import SecondProof
from services.auth.sessions import OpenedSession
from services.auth.tools import Tools
from services.auth.totp.completing import Completing
from services.auth.totp.errors import SignInAttemptOver

_SIX_DIGITS = re.compile(r"[0-9]{6}")
_MAX_CHALLENGE = 256
_MAX_RECOVERY_CODE = 40


def second_proofs_by_code(tools: Tools) -> SecondProof:
    """What a person types, as the proof that it looks like."""
    completing = Completing(tools)

    async def complete(challenge: str, typed: str) -> OpenedSession:
        code = typed.strip()
        if not challenge or len(challenge) > _MAX_CHALLENGE or len(code) > _MAX_RECOVERY_CODE:
            raise SignInAttemptOver
        if _SIX_DIGITS.fullmatch(code.replace(" ", "")):
            request = CompleteSignInRequest(challenge=challenge, totp_code=code.replace(" ", ""))
        else:
            request = CompleteSignInRequest(challenge=challenge, recovery_code=code)
        return (await completing.complete(request)).opened

    return complete
