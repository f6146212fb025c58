//! The services in which some programs keep their data. Whoever measures starts them.

use crate::failure::{Result, failure};
use crate::programs::Program;

#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// A URL of PostgreSQL, in which `{}` stands for the name of the program.
    database: Option<String>,
    s3: Option<S3>,
}

/// An S3 server, on which every program has a bucket of its own name.
#[derive(Debug, Clone)]
pub(crate) struct S3 {
    pub(crate) endpoint: String,
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl S3 {
    pub(crate) const REGION: &str = "us-east-1";
}

impl Places {
    pub(crate) fn new(database: Option<String>, endpoint: Option<String>) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).map_err(|_| failure!("--s3 needs {name} in the environment"));
        let s3 = |endpoint| Result::Ok(S3 { endpoint, key: variable("AWS_ACCESS_KEY_ID")?, secret: variable("AWS_SECRET_ACCESS_KEY")? });
        Ok(Self { database, s3: endpoint.map(s3).transpose()? })
    }

    /// Whether they include what the program needs.
    pub(crate) const fn suit(&self, program: Program) -> bool {
        (self.database.is_some() || !program.needs_database()) && (self.s3.is_some() || !program.needs_s3())
    }

    /// The URL of a program's database, if it needs one.
    pub(crate) fn database(&self, program: Program) -> Option<String> {
        let url = self.database.as_ref().filter(|_| program.needs_database())?;
        Some(url.replace("{}", program.name()))
    }

    /// The S3 server, if the program needs one.
    pub(crate) fn s3(&self, program: Program) -> Option<&S3> {
        self.s3.as_ref().filter(|_| program.needs_s3())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_uses_only_the_places_that_it_needs() {
        let places = Places::new(Some("postgres://127.0.0.1/{}".to_owned()), None).unwrap();
        assert_eq!(places.database(Program::RoadsteadS3).unwrap(), "postgres://127.0.0.1/roadstead-s3");
        assert_eq!(places.database(Program::Roadstead), None);
        assert!(places.suit(Program::RoadsteadPostgres) && places.suit(Program::Zot));
        assert!(!places.suit(Program::RoadsteadS3) && !places.suit(Program::AngosS3));
    }
}
