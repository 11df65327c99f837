//! The store on real SQLite files and a real PostgreSQL server.

mod audit;
mod concurrency;
mod durability;
mod faults;
mod jobs;
mod migrations;
mod payments;
mod postgres;
mod tenants;
mod world;
