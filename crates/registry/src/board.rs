//! Where one replica stands in what replicas tell each other: see [`crate::bulletins`].

use std::collections::HashMap;
use uuid::Uuid;

/// What one replica posts and has read of a topic.
#[derive(Debug)]
pub struct Board {
    pub(crate) topic: &'static str,
    pub(crate) replica: String,
    /// The number of the last bulletin.
    pub(crate) number: u64,
    /// The content of that bulletin, until it is known to be posted.
    pub(crate) unposted: Option<String>,
    /// The last bulletin that was read of each other replica. `None` before the first reading.
    pub(crate) read: Option<HashMap<String, u64>>,
}

impl Board {
    pub fn new(topic: &'static str) -> Self {
        Self { topic, replica: Uuid::new_v4().to_string(), number: 0, unposted: None, read: None }
    }
}
