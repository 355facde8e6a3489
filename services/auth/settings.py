"""What operators may change of accounts and sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.auth.vault import read_keys


class IdentitySettings(BaseSettings):
    """Settings of the auth domain, from variables that begin with ``PULSEMESH_IDENTITY_``."""

    model_config = SettingsConfigDict(env_prefix="PULSEMESH_IDENTITY_", extra="ignore", frozen=True)

    key_encryption_key: SecretStr | None = Field(
        default=None,
        description="Base64 of 32 bytes, under which signing keys and mails are kept; several, separated by "
        "commas, to replace one: the first encrypts, all decrypt.",
    )
    key_encryption_key_file: Path | None = Field(
        default=None,
        description="File of the same, one a line.",
        json_schema_extra={"shown_default": "made in <data_dir>/auth, in development"},
    )
    access_token_s: PositiveInt = Field(
        default=600, le=3600, description="Seconds for which an access token holds."
    )
    key_rotation_days: PositiveFloat = Field(
        default=30.0, description="Days after which another key signs access tokens."
    )
    key_publish_ahead_s: PositiveFloat = Field(
        default=3600.0, description="Seconds for which a key is published before it signs."
    )
    argon2_memory_kib: PositiveInt = Field(
        default=19_456, ge=8, description="Memory of a password hash. A change rehashes at the next sign-in."
    )
    argon2_passes: PositiveInt = Field(default=2, description="Passes over that memory.")
    argon2_lanes: PositiveInt = Field(default=1, description="Lanes of a password hash.")
    hash_threads: PositiveInt = Field(
        default=2, description="Passwords that are hashed at the same time; others wait."
    )
    breached_passwords: Literal["none", "file", "http"] = Field(
        default="none", description="Where stolen passwords are looked up that nobody shall choose."
    )
    breached_passwords_file: Path | None = Field(
        default=None,
        description="Sorted lines of upper-case SHA-1 in hexadecimal, with or without :count.",
    )
    breached_passwords_url: str | None = Field(
        default=None,
        description="Address to which the first five digits of the SHA-1 are appended; answers the rest, a "
        "line each. Nothing else of a password leaves.",
    )
    mail: Literal["folder", "smtp"] = Field(
        default="folder", description="folder: .eml files in the data directory, for development."
    )
    mail_from: str = Field(default="Pulsemesh <no-reply@localhost>", description="The sender of mails.")
    mail_link: str = Field(
        default="http://localhost:50080/account",
        description="Address of the pages to which mails link; the token follows after #.",
    )
    smtp_host: str = Field(default="127.0.0.1", description="The mail server.")
    smtp_port: int = Field(default=587, ge=1, le=65_535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none sends in the clear, for a server on the same machine."
    )
    smtp_user: str | None = Field(default=None, description="By which we sign in to the mail server.")
    smtp_password: SecretStr | None = Field(default=None, description="The same.")
    cells: dict[str, str] = Field(
        default_factory=dict,
        description='Other cells and where they are, as JSON: {"us": "https://us.example.org"}. People of '
        "countries that belong to one of them are sent there when they sign up.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.key_encryption_key is not None:
            if self.key_encryption_key_file is not None:
                raise ValueError("key_encryption_key and key_encryption_key_file exclude each other")
            if not read_keys(self.key_encryption_key.get_secret_value()):
                raise ValueError("key_encryption_key is empty")
        if self.breached_passwords == "file" and self.breached_passwords_file is None:
            raise ValueError("breached_passwords=file needs breached_passwords_file")
        if self.breached_passwords == "http" and not (self.breached_passwords_url or "").startswith(
            ("https://", "http://127.0.0.1:", "http://[::1]:")
        ):
            raise ValueError("breached_passwords=http needs breached_passwords_url, over https")
        return self
