"""The messages of a request stream, each checked before the handler sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.message import Message

from services.chassis.pipeline.limiting import Pacer
from services.chassis.policy.model import MethodPolicy
from services.chassis.validation import require_message, validate


class CheckedRequests:
    """An async iterator over a request stream that validates and paces it."""

    __slots__ = ("_check", "_messages", "_pacer")

    def __init__(self, messages: AsyncIterator[Any], *, check: bool, messages_per_second: int) -> None:
        self._messages = aiter(messages)
        self._check = check
        self._pacer = Pacer(messages_per_second) if messages_per_second else None

    def __aiter__(self) -> CheckedRequests:
        return self

    async def __anext__(self) -> Message:
        """
        Raises:
            InvalidRequest: the message breaks a rule of the contract.
        """
        message: Message = await anext(self._messages)
        if self._pacer is not None:
            await self._pacer.next()
        if self._check:
            validate(message)
        else:
            require_message(message)
        return message


def checked(messages: AsyncIterator[Any], policy: MethodPolicy) -> AsyncIterator[Any]:
    """`messages` as the policy wants them to be handed to the handler."""
    check = not policy.validated_by_handler
    messages_per_second = policy.rate_limit.messages_per_second if policy.rate_limit else 0
    return CheckedRequests(messages, check=check, messages_per_second=messages_per_second)
