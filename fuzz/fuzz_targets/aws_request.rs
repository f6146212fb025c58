#![no_main]

use roadstead_model::aws::{Invalid, Operation, Request};

// The name of an operation, a space and a body. Re-serialising the JSON of a body must not change whether it is valid, except that
// duplicate members are dropped.
libfuzzer_sys::fuzz_target!(|input: &str| {
    let Some((name, body)) = input.split_once(' ') else { return };
    let Some(operation) = Operation::find(name) else { return };
    let verdict = Request::read(operation, body);
    let Ok(value) = serde_json::from_str::<serde_json::Value>(body) else { return };
    let text = value.to_string();
    match Request::read(operation, &text) {
        Ok(request) => assert_eq!(request.operation(), operation),
        Err(invalid) => {
            assert!(!value.is_object() || invalid != Invalid::Malformed, "{name} cannot read {text}");
            assert!(verdict.is_err() || has_large_numbers(&value), "{name} takes {body} but not {text}");
        }
    }
});

/// Whether a number may have changed: integers beyond `u64` become floats.
fn has_large_numbers(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => number.is_f64(),
        serde_json::Value::Array(items) => items.iter().any(has_large_numbers),
        serde_json::Value::Object(members) => members.values().any(has_large_numbers),
        _ => false,
    }
}
