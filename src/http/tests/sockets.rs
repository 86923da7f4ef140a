//! What only a connection shows: leaving clients, shutdown, limits of connections.
