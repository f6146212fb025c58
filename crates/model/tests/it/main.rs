//! The structures of the AWS API, among themselves and against AWS's service model.

mod answers;
mod service_model;
mod structures;
