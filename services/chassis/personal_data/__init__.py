"""What a domain holds of a person: found by the annotations of its tables, handed over, erased."""

from services.chassis.personal_data.erasing import Eraser, erase_rows
from services.chassis.personal_data.exporting import export_rows
from services.chassis.personal_data.servicer import Extra, PersonalData, personal_data_servicer
from services.chassis.personal_data.subjects import rows_of, unreachable_tables

__all__ = [
    "Eraser",
    "Extra",
    "PersonalData",
    "erase_rows",
    "export_rows",
    "personal_data_servicer",
    "rows_of",
    "unreachable_tables",
]
