mod early;
mod evaluate;
mod files;
mod report;
mod schema;
mod shipped;
mod until;
mod world;
