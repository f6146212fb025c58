//! Compares the operations, their structures and the exceptions with AWS's service model, in both directions.
//!
//! The model is botocore's `data/ecr-public/2020-10-30/service-2.json.gz`, unpacked; `make test-clients` fetches it
//! and names it in `ROADSTEAD_SERVICE_MODEL`.

use super::answers::{self, Answer};
use roadstead_model::aws::scalars::{REGISTRY_ID, REGISTRY_ID_OR_ALIAS};
use roadstead_model::aws::{Exception, Operation, SIGNING_NAME, Shape, TARGET_PREFIX, shape};
use serde_json::Value;
use std::collections::BTreeSet;

struct ServiceModel(Value);

impl ServiceModel {
    fn read() -> Self {
        let path = std::env::var("ROADSTEAD_SERVICE_MODEL").expect("ROADSTEAD_SERVICE_MODEL names the service model");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(serde_json::from_str(&text).expect("the service model is JSON"))
    }

    fn operation(&self, name: &str) -> &Value {
        &self.0["operations"][name]
    }

    fn shape(&self, name: &Value) -> &Value {
        let name = name.as_str().expect("the name of a shape");
        self.0["shapes"].get(name).unwrap_or_else(|| panic!("the service model has no shape {name}"))
    }
}

/// The texts of a JSON array, or the keys of a JSON object.
fn names(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Object(members) => members.keys().map(String::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

/// Asserts that `ours` and the model's shape `theirs` allow the same values.
fn compare(model: &ServiceModel, ours: &Shape, theirs: &Value, path: &str) {
    let length = |key: &str| theirs[key].as_u64();
    let range = |key: &str| theirs[key].as_i64();
    let kind = match ours {
        Shape::String { min, max, pattern } => {
            assert_eq!((*min, *max), (length("min"), length("max")), "{path}: lengths");
            assert_eq!(pattern.map(|pattern| pattern.as_str()), theirs["pattern"].as_str(), "{path}: pattern");
            assert!(theirs.get("enum").is_none(), "{path}: values");
            "string"
        }
        Shape::Integer { min, max } => {
            assert_eq!((*min, *max), (range("min"), range("max")), "{path}: range");
            "integer"
        }
        Shape::Long { min, max } => {
            assert_eq!((*min, *max), (range("min"), range("max")), "{path}: range");
            "long"
        }
        Shape::Blob { min, max } => {
            assert_eq!((*min, *max), (length("min"), length("max")), "{path}: lengths");
            "blob"
        }
        Shape::List { min, max, item } => {
            assert_eq!((*min, *max), (length("min"), length("max")), "{path}: lengths");
            compare(model, item, model.shape(&theirs["member"]["shape"]), &format!("{path}[]"));
            "list"
        }
        Shape::Structure(members) => {
            compare_request(model, members, theirs, path);
            "structure"
        }
        Shape::Boolean => "boolean",
    };
    assert_eq!(Some(kind), theirs["type"].as_str(), "{path}: type");
}

fn compare_request(model: &ServiceModel, ours: &[shape::Member], theirs: &Value, path: &str) {
    compare_names(ours.iter().map(|member| (member.name, member.required)), theirs, path);
    for shape::Member { name, shape, .. } in ours {
        compare(model, shape, model.shape(&theirs["members"][*name]["shape"]), &format!("{path}.{name}"));
    }
}

fn compare_answer(model: &ServiceModel, ours: &Answer, theirs: &Value, path: &str) {
    match ours {
        Answer::Value(shape) => compare(model, shape, theirs, path),
        Answer::Time => assert_eq!(theirs["type"], "timestamp", "{path}: type"),
        Answer::OneOf(values) => {
            assert_eq!(values.iter().copied().collect::<BTreeSet<_>>(), names(&theirs["enum"]), "{path}: values");
        }
        Answer::List(min, max, item) => {
            assert_eq!((*min, *max), (theirs["min"].as_u64(), theirs["max"].as_u64()), "{path}: lengths");
            compare_answer(model, item, model.shape(&theirs["member"]["shape"]), &format!("{path}[]"));
        }
        Answer::Structure(members) => {
            compare_names(members.iter().map(|member| (member.name, member.required)), theirs, path);
            for answers::Member { name, answer, .. } in *members {
                compare_answer(model, answer, model.shape(&theirs["members"][*name]["shape"]), &format!("{path}.{name}"));
            }
        }
    }
}

/// Asserts that the names of the members, and which of them are required, agree.
fn compare_names(ours: impl Iterator<Item = (&'static str, bool)> + Clone, theirs: &Value, path: &str) {
    assert_eq!(theirs["type"], "structure", "{path}: type");
    let modelled = &theirs["members"];
    assert_eq!(ours.clone().map(|(name, _)| name).collect::<BTreeSet<_>>(), names(modelled), "{path}: members");
    let required: BTreeSet<&str> = ours.clone().filter(|(_, required)| *required).map(|(name, _)| name).collect();
    assert_eq!(required, names(&theirs["required"]), "{path}: required members");
    for (name, _) in ours {
        assert!(modelled[name].get("locationName").is_none(), "{path}.{name}: has another name on the wire");
    }
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn the_table_lists_the_operations_of_the_service_model() {
    let model = ServiceModel::read();
    let ours: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    assert_eq!(ours, names(&model.0["operations"]));
    let metadata = &model.0["metadata"];
    assert_eq!(metadata["targetPrefix"], TARGET_PREFIX.trim_end_matches('.'));
    assert_eq!(metadata["signingName"], SIGNING_NAME);
    assert_eq!(metadata["jsonVersion"], "1.1");
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn every_request_and_every_answer_has_the_shape_of_the_service_model() {
    let model = ServiceModel::read();
    for operation in Operation::ALL {
        let (name, theirs) = (operation.name(), model.operation(operation.name()));
        compare_request(&model, operation.members(), model.shape(&theirs["input"]["shape"]), &format!("{name} request"));
        compare_answer(&model, answers::of(*operation), model.shape(&theirs["output"]["shape"]), &format!("{name} answer"));
        assert_eq!(theirs["http"]["method"], "POST");
        assert_eq!(theirs["http"]["requestUri"], "/");
    }
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn every_operation_declares_the_exceptions_of_the_service_model() {
    let model = ServiceModel::read();
    for operation in Operation::ALL {
        let errors = model.operation(operation.name())["errors"].as_array().expect("errors");
        let theirs: BTreeSet<&str> = errors.iter().filter_map(|error| error["shape"].as_str()).collect();
        let ours: BTreeSet<&str> =
            Exception::ALL.iter().filter(|exception| operation.declares(**exception)).map(|exception| exception.as_str()).collect();
        assert_eq!(ours, theirs, "{}", operation.name());
    }
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn the_exceptions_are_those_of_the_service_model() {
    let model = ServiceModel::read();
    let shapes = model.0["shapes"].as_object().expect("shapes");
    let theirs = shapes.iter().filter(|(_, shape)| shape["exception"] == true).map(|(name, _)| name.as_str());
    assert_eq!(Exception::ALL.iter().map(|exception| exception.as_str()).collect::<BTreeSet<_>>(), theirs.collect());
    for exception in Exception::ALL {
        let shape = &shapes[exception.as_str()];
        compare_answer(&model, answers::of_exception(*exception), shape, exception.as_str());
        assert_eq!(shape["fault"] == true, exception.is_fault(), "{exception:?}");
    }
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn a_registry_is_named_as_the_service_model_has_it() {
    let model = ServiceModel::read();
    for operation in Operation::ALL {
        let input = model.shape(&model.operation(operation.name())["input"]["shape"]);
        let ours = operation.members().iter().find(|member| member.name == "registryId").map(|member| member.shape);
        let expected = match input["members"]["registryId"]["shape"].as_str() {
            Some("RegistryId") => Some(&REGISTRY_ID),
            Some("RegistryIdOrAlias") => Some(&REGISTRY_ID_OR_ALIAS),
            _ => None,
        };
        assert!(ours.map(std::ptr::from_ref) == expected.map(std::ptr::from_ref), "{operation:?}");
    }
}
