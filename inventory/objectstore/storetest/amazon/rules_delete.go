package amazon

// deleteRules are about deleting objects. What the guide leaves open was recorded on
// the service in eu-west-1 and us-east-1 in 2026.
func deleteRules() []rule {
	const (
		guide    = "S3 User Guide, \"How to perform conditional deletes\""
		recorded = "recording: github.com/localstack/localstack/issues/13894"
		measured = "recording: github.com/ministackorg/ministack/issues/1475"
	)
	return []rule{
		{id: "delete-if-match-version", demand: "If-Match with a version ID is 501 NotImplemented, whatever the " +
			"version; in DeleteObjects taken to be the same, by key",
			source: recorded, check: matchVersion},
		{id: "delete-if-match", demand: "If-Match is of the current version: 204 if it has the ETag (or for " +
			"`*`), else 412 PreconditionFailed; in DeleteObjects an error of the key",
			source: guide + "; " + measured},
		{id: "delete-if-match-absent", demand: "If-Match, `*` too, where no current version is or a delete " +
			"marker is: 404 NoSuchKey",
			source: recorded + "; " + measured},
		{id: "delete-directory-conditions", demand: "`x-amz-if-match-size` and " +
			"`x-amz-if-match-last-modified-time` are for directory buckets: 501 NotImplemented",
			source: "S3 API Reference, \"DeleteObject\"; recording: github.com/ministackorg/ministack/pull/1452",
			check:  directoryConditions},
		{id: "delete-objects-document", demand: "DeleteObjects has 1 to 1,000 keys: 400 MalformedXML",
			source: "S3 API Reference, \"DeleteObjects\""},
	}
}

func matchVersion(c *call) *refusal {
	if c.operation == "DeleteObject" && c.query.Get("versionId") != "" && c.r.Header.Get("If-Match") != "" {
		return notImplemented("If-Match")
	}
	return nil
}

func directoryConditions(c *call) *refusal {
	for _, name := range []string{"X-Amz-If-Match-Size", "X-Amz-If-Match-Last-Modified-Time"} {
		if c.operation == "DeleteObject" && c.r.Header.Get(name) != "" {
			return notImplemented(name)
		}
	}
	return nil
}
