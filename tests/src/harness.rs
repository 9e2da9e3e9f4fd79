//! A whole deployment.
