"""`python -m tests.security.report`: how large the matrix is."""

from __future__ import annotations

from collections import Counter

from google.protobuf import descriptor_pool

from services.chassis.policy import contract_services, default_registry
from tests.security.callers import CALLERS
from tests.security.expectations import expected
from tests.security.tokens import TokenMint


def main() -> None:
    """Print the size of the matrix and what it expects, a line each."""
    services = contract_services()
    methods = list(default_registry().methods(services))
    mint = TokenMint()
    answers: Counter[str] = Counter()
    for method in methods:
        descriptor = descriptor_pool.Default().FindMethodByName(f"{method.service}.{method.name}")
        for make in CALLERS.values():
            wanted = expected(descriptor, make(mint, method).caller)
            answers["let in" if wanted.admitted else wanted.reason] += 1
    print(f"services            {len(services):6}")
    print(f"methods             {len(methods):6}")
    print(f"callers             {len(CALLERS):6}")
    print(f"cells of the matrix {len(methods) * len(CALLERS):6}")
    for reason, count in answers.most_common():
        print(f"  {reason:<22}{count:6}")


if __name__ == "__main__":
    main()
