"""RPC in, use case, RPC out: a servicer for each service of the contract."""

from services.profile.servicers.avatars import AvatarServicer
from services.profile.servicers.physiology import PhysiologyServicer
from services.profile.servicers.privacy import PrivacyServicer
from services.profile.servicers.profiles import ProfileServicer

__all__ = ["AvatarServicer", "PhysiologyServicer", "PrivacyServicer", "ProfileServicer"]
