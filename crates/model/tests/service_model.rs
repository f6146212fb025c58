//! Holds `aws::OPERATIONS` against AWS's own description of the service, in both directions.
//!
//! The description is botocore's `data/ecr-public/2020-10-30/service-2.json.gz`, unpacked; `make test-clients` fetches it
//! and names it in `ROADSTEAD_SERVICE_MODEL`.

use roadstead_model::aws::operations::RegistryMember;
use roadstead_model::aws::shape::Member;
use roadstead_model::aws::{Exception, OPERATIONS, Operation, SIGNING_NAME, Shape, TARGET_PREFIX};
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

/// `ours` and the shape `theirs` of the model allow the same values.
fn compare(model: &ServiceModel, ours: &Shape, theirs: &Value, path: &str) {
    let length = |key: &str| theirs[key].as_u64();
    let range = |key: &str| theirs[key].as_i64();
    let kind = match ours {
        Shape::String { min, max, pattern, values } => {
            assert_eq!((*min, *max), (length("min"), length("max")), "{path}: lengths");
            assert_eq!(pattern.map(|pattern| pattern.as_str()), theirs["pattern"].as_str(), "{path}: pattern");
            assert_eq!(values.iter().copied().collect::<BTreeSet<_>>(), names(&theirs["enum"]), "{path}: values");
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
            compare_members(model, members, theirs, path);
            "structure"
        }
        Shape::Boolean => "boolean",
        Shape::Timestamp => "timestamp",
    };
    assert_eq!(Some(kind), theirs["type"].as_str(), "{path}: type");
}

fn compare_members(model: &ServiceModel, ours: &[Member], theirs: &Value, path: &str) {
    let modelled = &theirs["members"];
    assert_eq!(ours.iter().map(|member| member.name).collect::<BTreeSet<_>>(), names(modelled), "{path}: members");
    let required: BTreeSet<&str> = ours.iter().filter(|member| member.required).map(|member| member.name).collect();
    assert_eq!(required, names(&theirs["required"]), "{path}: required members");
    for Member { name, shape, .. } in ours {
        let reference = &modelled[*name];
        assert!(reference.get("locationName").is_none(), "{path}.{name}: has another name on the wire");
        compare(model, shape, model.shape(&reference["shape"]), &format!("{path}.{name}"));
    }
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn the_table_lists_the_operations_of_the_service_model() {
    let model = ServiceModel::read();
    let ours: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
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
    for Operation { name, input, output, .. } in OPERATIONS {
        let theirs = model.operation(name);
        compare(&model, input, model.shape(&theirs["input"]["shape"]), &format!("{name} request"));
        compare(&model, output, model.shape(&theirs["output"]["shape"]), &format!("{name} answer"));
        assert_eq!(theirs["http"]["method"], "POST");
        assert_eq!(theirs["http"]["requestUri"], "/");
    }
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn every_operation_declares_the_exceptions_of_the_service_model() {
    let model = ServiceModel::read();
    for operation in OPERATIONS {
        let errors = model.operation(operation.name)["errors"].as_array().expect("errors");
        let theirs: BTreeSet<&str> = errors.iter().filter_map(|error| error["shape"].as_str()).collect();
        let ours: BTreeSet<&str> =
            Exception::ALL.iter().filter(|exception| operation.declares(**exception)).map(|exception| exception.as_str()).collect();
        assert_eq!(ours, theirs, "{}", operation.name);
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
        compare_members(&model, exception.members(), shape, exception.as_str());
        assert_eq!(shape["fault"] == true, exception.is_fault(), "{exception:?}");
    }
}

#[test]
#[ignore = "needs botocore's service model: make test-clients"]
fn a_registry_is_named_as_the_service_model_has_it() {
    let model = ServiceModel::read();
    for operation in OPERATIONS {
        let input = model.shape(&model.operation(operation.name)["input"]["shape"]);
        let expected = match input["members"]["registryId"]["shape"].as_str() {
            Some("RegistryId") => RegistryMember::Id,
            Some("RegistryIdOrAlias") => RegistryMember::IdOrAlias,
            _ => RegistryMember::Own,
        };
        assert_eq!(operation.registry, expected, "{}", operation.name);
    }
}
