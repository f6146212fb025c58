//! The structures of the AWS API, compared with each other and with AWS's service model.

mod answers;
mod service_model;
mod structures;
