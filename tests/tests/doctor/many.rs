//! Ten thousand people.
