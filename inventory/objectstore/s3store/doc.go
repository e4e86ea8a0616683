// Package s3store reaches Amazon S3 and servers that speak its protocol. It is
// the only package of the project that imports the AWS SDK.
//
// A [Provider] is one account's view of one service; it hands out a [Store] per
// region. Listings are parsed here rather than by the SDK, which sorts versions
// and delete markers into two lists and so loses the order in which they were
// made.
package s3store
