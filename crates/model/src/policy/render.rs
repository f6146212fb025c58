//! Prints a repository policy in AWS's form.
//!
//! ECR Public does not return the text of a policy as sent but prints it in the form of the Jackson library: blanks on both
//! sides of a colon, two blanks of indentation, lists on one line (AWS CLI examples of `get-repository-policy`).

use super::error::PolicyError;
use super::json::Json;

/// Prints a policy in AWS's form. Members keep their order; texts and numbers keep their values.
pub fn render(text: &str) -> Result<String, PolicyError> {
    Ok(print_document(&Json::parse(text)?))
}

pub(super) fn print_document(document: &Json) -> String {
    let mut printed = String::new();
    print(document, 0, &mut printed);
    printed
}

fn print(json: &Json, depth: usize, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => out.push_str(&number.to_string()),
        Json::Text(text) => print_text(text, out),
        Json::List(items) => print_list(items, depth, out),
        Json::Object(members) => print_object(members, depth, out),
    }
}

/// Prints a list on one line, without indenting its items.
fn print_list(items: &[Json], depth: usize, out: &mut String) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { " " } else { ", " });
        print(item, depth, out);
    }
    out.push_str(" ]");
}

fn print_object(members: &[(String, Json)], depth: usize, out: &mut String) {
    if members.is_empty() {
        out.push_str("{ }");
        return;
    }
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        print_text(name, out);
        out.push_str(" : ");
        print(value, depth + 1, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push('}');
}

fn print_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_printed_as_aws_prints_it() {
        let sent = r#"{"Version":"2008-10-17","Statement":[{"Sid":"allow public pull","Effect":"Allow","Principal":"*",
            "Action":["ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer"]},
            {"Effect":"Deny","Principal":{"AWS":["111122223333"]},"Action":"ecr-public:*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}"#;
        let printed = r#"{
  "Version" : "2008-10-17",
  "Statement" : [ {
    "Sid" : "allow public pull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer" ]
  }, {
    "Effect" : "Deny",
    "Principal" : {
      "AWS" : [ "111122223333" ]
    },
    "Action" : "ecr-public:*",
    "Condition" : {
      "Bool" : {
        "aws:SecureTransport" : false
      }
    }
  } ]
}"#;
        assert_eq!(render(sent).as_deref(), Ok(printed));
        assert_eq!(render(printed).as_deref(), Ok(printed));
    }

    #[test]
    fn empty_lists_and_objects_have_a_blank_inside() {
        assert_eq!(render(r#"{"b":[],"a":{},"c":null}"#).as_deref(), Ok("{\n  \"b\" : [ ],\n  \"a\" : { },\n  \"c\" : null\n}"));
    }

    #[test]
    fn texts_keep_what_needs_no_escape() {
        assert_eq!(render(r#"["a/b", "\u00e4\"\n\\", 1, -2, 1.5]"#).as_deref(), Ok(r#"[ "a/b", "ä\"\n\\", 1, -2, 1.5 ]"#));
    }

    /// Found by fuzzing: rendering a rendered policy again changed it each time.
    #[test]
    fn a_number_that_no_float_holds_is_rounded_once() {
        let printed = render(&"2".repeat(40)).expect("a number");
        assert_eq!(printed, "2.2222222222222223e+39");
        assert_eq!(render(&printed), Ok(printed));
        let shortest = "2.222222223222222e+91";
        assert_eq!(render(shortest).as_deref(), Ok(shortest));
    }
}
