// Package iam says which permissions the requests of S3 need, and writes the
// policies that give them. Requests are looked up in one table, by operation and
// by what in their query and header changes what they need.
package iam
