package amazon

import "strings"

// unlocks refuses who may not use the key of KMS that an object is, or is to be,
// under (Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys",
// permissions; Amazon S3 API Reference, "PutObject", "UploadPart", "GetObject"). The
// key of Amazon's own is open to its account (AWS KMS Developer Guide, "AWS managed
// keys").
func (c *call) unlocks(action string, b *bucket, o *object) *refusal {
	if !strings.HasPrefix(o.sse, "aws:kms") || o.kmsKey == "" || o.kmsKey == c.server.managedKey(b.region, b.account) {
		return nil
	}
	key := o.kmsKey
	if !strings.HasPrefix(key, "arn:") {
		key = "arn:" + c.server.options.Partition + ":kms:" + b.region + ":" + b.account + ":key/" + key
	}
	return c.permit(need{"kms:" + action, key})
}

// viaS3 is what KMS knows of a request that S3 makes for somebody (AWS KMS Developer
// Guide, "kms:ViaService").
func (s *Server) viaS3(key string) string {
	region := strings.Split(key, ":")[3]
	p, _ := partitionOf(region)
	return "s3." + region + "." + p.suffix
}
