//! Public is arithmetic, not text: address spaces, counts, and the unions that let the internet in.

mod exposure;
mod measure;
mod space;

pub use exposure::{Candidate, Exposure, Sources, Tolerates, exposed};
pub use space::{Count, Family, Range, public_count, range_of};
