"""Settings: environment variables, all with defaults that run embedded on one machine."""

from services.chassis.settings.documentation import SettingRow, settings_table
from services.chassis.settings.loading import SettingsError, load_settings, require_domain_settings
from services.chassis.settings.model import (
    AuditSettings,
    AuthSettings,
    BusSettings,
    ConsentSettings,
    DatabaseSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TelemetrySettings,
)

__all__ = [
    "AuditSettings",
    "AuthSettings",
    "BusSettings",
    "ConsentSettings",
    "DatabaseSettings",
    "ServerSettings",
    "SettingRow",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "TelemetrySettings",
    "load_settings",
    "require_domain_settings",
    "settings_table",
]
