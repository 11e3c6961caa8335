// Package config reads the daemon's configuration: a YAML file, read strictly.
// Every fault is reported at once, each with its line and field: what is not
// known, what is there twice, what is missing, what has the wrong form or an
// impossible value.
//
// Secrets never stand in the file. Each is named by the environment variable
// (…_env) or by the file (…_file) that holds it, and is a [Secret], which does
// not print.
package config
