"""What others see of a person: one function that everything uses."""

from services.chassis.privacy.aspects import DEFAULTS, NEEDS, WORKOUT_ASPECTS, Aspect, Audience
from services.chassis.privacy.consents import refused_by, withheld
from services.chassis.privacy.deciding import EVERYTHING, NOTHING, Circle, View, audiences_of, decide
from services.chassis.privacy.fields import Needs, Shape, show_channels, show_fields, unshaped_fields
from services.chassis.privacy.relations import MYSELF, STRANGER, NobodyKnows, Relation, Relations
from services.chassis.privacy.source import PrivacySource, ServicePrivacy

__all__ = [
    "DEFAULTS",
    "EVERYTHING",
    "MYSELF",
    "NEEDS",
    "NOTHING",
    "STRANGER",
    "WORKOUT_ASPECTS",
    "Aspect",
    "Audience",
    "Circle",
    "Needs",
    "NobodyKnows",
    "PrivacySource",
    "Relation",
    "Relations",
    "ServicePrivacy",
    "Shape",
    "View",
    "audiences_of",
    "decide",
    "refused_by",
    "show_channels",
    "show_fields",
    "unshaped_fields",
    "withheld",
]
