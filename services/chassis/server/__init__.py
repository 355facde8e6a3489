"""The gRPC server: options, TLS, health, reflection, draining."""

from services.chassis.server.grpc_server import AddressInUse, GrpcServer
from services.chassis.server.options import server_options

__all__ = ["AddressInUse", "GrpcServer", "server_options"]
