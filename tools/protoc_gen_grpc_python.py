"""A protoc plugin that runs grpcio-tools' own gRPC generator.

buf hands a plugin a CodeGeneratorRequest on standard input. grpcio-tools has its
generator built into its protoc instead of shipping it as a plugin, so this one
gives that protoc the request's descriptors and returns the files it writes.
"""

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc


def generate(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """Return the `_pb2_grpc.py` of every file to generate that declares a service."""
    features = plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    response = plugin_pb2.CodeGeneratorResponse(supported_features=features)
    with_services = {file.name for file in request.proto_file if file.service}
    wanted = [name for name in request.file_to_generate if name in with_services]
    if not wanted:
        return response
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder, "out")
        out.mkdir()
        status = protoc.main(
            ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}", *wanted]
        )
        if status != 0:
            response.error = f"grpc_tools.protoc ended with status {status}"
            return response
        for path in sorted(out.rglob("*.py")):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text())
    return response


if __name__ == "__main__":
    received = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(received).SerializeToString())
