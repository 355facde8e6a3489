"""The manifests of a deployment on Kubernetes, made from the contracts like the gateway's configuration."""

from services.gateway.kubernetes.manifests import COMMON, KUSTOMIZATION, base, envoy_kustomization, overlay

__all__ = ["COMMON", "KUSTOMIZATION", "base", "envoy_kustomization", "overlay"]
