// Package permission says which requests each stage of a migration sends, where
// to and why, and makes of that the least policies by which it can be carried
// out. What a request needs stands in one table, package iam.
package permission
