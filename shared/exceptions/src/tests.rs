mod early;
mod evaluate;
mod files;
mod schema;
mod shipped;
mod until;
mod world;
