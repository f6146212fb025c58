"""The service model from botocore, and values generated from it."""

import botocore.loaders
import botocore.model

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecr-public", "service-2"), "ecr-public")
OPERATIONS = sorted(MODEL.operation_names)

# A generator of matching strings for each pattern of the model; different numbers give different strings.
PATTERNS = {
    "RegistryId": lambda number: f"{number:012}",
    "RepositoryName": lambda number: f"team/none-{number}",
    "UploadId": lambda number: f"01234567-89ab-cdef-ABCD-{number:012x}",
    "LayerDigest": lambda number: f"sha256:{number:064x}",
}


def request_of(operation):
    """The input shape of an operation."""
    return MODEL.operation_model(operation).input_shape


def declared(operation):
    """The names of the exceptions that an operation declares."""
    return sorted(shape.name for shape in MODEL.operation_model(operation).error_shapes)


def sample(shape, number=0):
    """A minimal valid value of a shape: all required members and no others."""
    match shape.type_name:
        case "structure":
            return {name: sample(shape.members[name], number) for name in shape.required_members}
        case "list":
            return [sample(shape.member, number + index) for index in range(shape.metadata.get("min", 0))]
        case "string" if "pattern" in shape.metadata:
            return PATTERNS[shape.name](number)
        case "string":
            text = f"x{number}"
            return text + "x" * (shape.metadata.get("min", 0) - len(text))
        case "blob":
            return "eA=="
        case "integer" | "long":
            return max(number, shape.metadata.get("min", 0))
        case "boolean":
            return False
    raise AssertionError(f"no sample of the type {shape.type_name}")


def members(shape, path=()):
    """All members of a structure, recursively, as path and shape. The path of a list entry is 0."""
    for name, member in shape.members.items():
        yield from _within(member, (*path, name))


def _within(shape, path):
    yield path, shape
    if shape.type_name == "structure":
        yield from members(shape, path)
    if shape.type_name == "list":
        yield from _within(shape.member, (*path, 0))
