//! A shape with an optional load of its own.

use crate::failure::{Failure, failure};
use crate::load::Load;
use crate::shape::Shape;
use std::fmt;
use std::str::FromStr;

/// `SHAPE[@CONNECTIONS[xOPERATIONS]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) shape: Shape,
    connections: Option<u64>,
    operations: Option<u64>,
}

impl Step {
    /// The load of this step: its own, otherwise the common one. A step with its own number of operations may take 20 times as long.
    pub(crate) fn load(&self, all: Load) -> Load {
        Load {
            connections: self.connections.unwrap_or(all.connections),
            operations: self.operations.or(all.operations),
            rate: all.rate,
            duration: if self.operations.is_some() { all.duration * 20 } else { all.duration },
        }
    }
}

impl FromStr for Step {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (shape, load) = text.split_once('@').map_or((text, None), |(shape, load)| (shape, Some(load)));
        let number =
            |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0).ok_or_else(|| failure!("'{text}' is not a positive number"));
        let (connections, operations) = match load.and_then(|load| load.split_once('x')) {
            Some((connections, operations)) => (Some(connections), Some(operations)),
            None => (load, None),
        };
        let (connections, operations) = (connections.map(number).transpose()?, operations.map(number).transpose()?);
        Ok(Self { shape: shape.parse()?, connections, operations })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shape)?;
        self.connections.map_or(Ok(()), |connections| write!(f, "@{connections}"))?;
        self.operations.map_or(Ok(()), |operations| write!(f, "x{operations}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_step_may_bring_a_load_of_its_own() {
        let all = Load { connections: 8, duration: Duration::from_secs(3), operations: None, rate: None };
        let step: Step = "upload:256m@64x10".parse().unwrap();
        assert_eq!(step.to_string(), "upload:256m@64x10");
        assert_eq!((step.load(all).connections, step.load(all).operations, step.load(all).duration.as_secs()), (64, Some(10), 60));
        let plain: Step = "mixed".parse().unwrap();
        assert_eq!((plain.load(all).connections, plain.load(all).operations, plain.load(all).duration.as_secs()), (8, None, 3));
        assert!("mixed@0".parse::<Step>().is_err());
    }
}
