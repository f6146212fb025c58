"""AWS's own description of the service, as botocore carries it, and values made from it."""

import botocore.loaders
import botocore.model

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecr-public", "service-2"), "ecr-public")
OPERATIONS = sorted(MODEL.operation_names)

# A text for each pattern of the model, of any number: texts with other numbers differ.
PATTERNS = {
    "RegistryId": lambda number: f"{number:012}",
    "RepositoryName": lambda number: f"team/none-{number}",
    "UploadId": lambda number: f"01234567-89ab-cdef-ABCD-{number:012x}",
    "LayerDigest": lambda number: f"sha256:{number:064x}",
}


def request_of(operation):
    """The shape of an operation's request."""
    return MODEL.operation_model(operation).input_shape


def declared(operation):
    """The names of the exceptions that an operation declares."""
    return sorted(shape.name for shape in MODEL.operation_model(operation).error_shapes)


def sample(shape, number=0):
    """A value of a shape, with all that must be in it and no more."""
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
    """Every member of a structure and of what is in it: its path and its shape. An entry of a list has the path 0."""
    for name, member in shape.members.items():
        yield from _within(member, (*path, name))


def _within(shape, path):
    yield path, shape
    if shape.type_name == "structure":
        yield from members(shape, path)
    if shape.type_name == "list":
        yield from _within(shape.member, (*path, 0))
