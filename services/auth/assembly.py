"""From settings to what the use cases stand on. Part of the building that `module.py` does."""

from __future__ import annotations

from services.auth.breaches import (
    BreachedPasswords,
    BreachedPasswordsFile,
    BreachedPasswordsRange,
    NoBreachedPasswords,
)
from services.auth.mail.carriers import FolderMailer, SmtpMailer
from services.auth.mail.port import Mailer
from services.auth.passwords import Passwords
from services.auth.settings import IdentitySettings
from services.auth.vault import KEY_FILE, Vault, load_or_create, read_keys
from services.chassis.settings import Settings
from services.chassis.settings.loading import SettingsError

MAIL_FOLDER = "mail"
"""Where development's mails are, in the data directory."""


def vault(settings: Settings, identity: IdentitySettings) -> Vault:
    """The key-encryption keys that the settings name.

    Raises:
        SettingsError: production names none, or what is named holds none.
    """
    given, file = identity.key_encryption_key, identity.key_encryption_key_file
    try:
        if given is not None:
            return Vault(read_keys(given.get_secret_value()))
        if file is not None:
            return Vault(read_keys(file.read_text()))
        if not settings.development:
            raise ValueError("is needed in production: PULSEMESH_IDENTITY_KEY_ENCRYPTION_KEY_FILE")
        return Vault(load_or_create(settings.data_dir / "auth" / KEY_FILE))
    except (OSError, ValueError) as error:
        raise SettingsError([f"the key-encryption key: {error}"]) from error


def passwords(identity: IdentitySettings) -> Passwords:
    """The hasher, by settings."""
    return Passwords(
        memory_kib=identity.argon2_memory_kib,
        passes=identity.argon2_passes,
        lanes=identity.argon2_lanes,
        threads=identity.hash_threads,
    )


def breached_passwords(identity: IdentitySettings) -> BreachedPasswords:
    """The collection of stolen passwords, by settings."""
    if identity.breached_passwords == "file" and identity.breached_passwords_file is not None:
        return BreachedPasswordsFile(identity.breached_passwords_file)
    if identity.breached_passwords == "http" and identity.breached_passwords_url is not None:
        return BreachedPasswordsRange(identity.breached_passwords_url)
    return NoBreachedPasswords()


def mailer(settings: Settings, identity: IdentitySettings) -> Mailer:
    """Who carries mails, by settings."""
    if identity.mail == "folder":
        return FolderMailer(settings.data_dir / MAIL_FOLDER, identity.mail_from)
    password = identity.smtp_password
    return SmtpMailer(
        host=identity.smtp_host,
        port=identity.smtp_port,
        security=identity.smtp_security,
        sender=identity.mail_from,
        user=identity.smtp_user,
        password=None if password is None else password.get_secret_value(),
    )
