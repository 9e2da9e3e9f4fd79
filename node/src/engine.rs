//! Map-servers that this node runs. Today: [`embedded`].

mod embedded;
mod fleet;
