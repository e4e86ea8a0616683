// Package wire is what all providers have in common beneath their requests: connections that
// ask a fence and give up, bodies whose waiting ends, how long a refusal asks to wait, and what
// the status of an answer means where nothing else is said.
package wire
