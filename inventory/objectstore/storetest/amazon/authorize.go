package amazon

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// need is an action that a request takes, and on what.
type need struct{ action, resource string }

// needs lists the actions of a request (Amazon S3 User Guide, "Required permissions
// for Amazon S3 API operations"; the operations' own pages for those that headers add).
func (c *call) needs() []need {
	s, h := c.server, c.r.Header
	here := c.at(c.name).arn(c.key)
	var all []need
	add := func(actions ...string) {
		for _, a := range actions {
			all = append(all, need{"s3:" + a, here})
		}
	}
	switch {
	case c.operation == "ListBuckets":
		return []need{{"s3:ListAllMyBuckets", "*"}}
	case c.operation == "DeleteObjects":
		return nil // by key
	case c.operation == "CreateBucket":
		add("CreateBucket")
		if strings.EqualFold(h.Get("X-Amz-Bucket-Object-Lock-Enabled"), "true") {
			add("PutBucketObjectLockConfiguration", "PutBucketVersioning")
		}
		if h.Get("X-Amz-Object-Ownership") != "" {
			add("PutBucketOwnershipControls")
		}
		if hasACL(h) {
			add("PutBucketAcl")
		}
		return all
	case c.key == "":
		add(s.inBucket[c.operation])
		return all
	}
	names := s.onObject[c.operation]
	if c.query.Get("versionId") != "" {
		add(names[1])
	} else {
		add(names[0])
	}
	switch c.operation {
	case "GetObjectAttributes": // both of the two
		add(map[bool]string{false: "GetObject", true: "GetObjectVersion"}[c.query.Get("versionId") != ""])
	case "PutObject", "CopyObject", "CreateMultipartUpload":
		add(c.sideActions()...)
	case "DeleteObject":
		if c.query.Get("versionId") == "" && h.Get("If-Match") != "" && h.Get("If-Match") != "*" {
			add("GetObject") // User Guide, "How to perform conditional deletes"
		}
	}
	if strings.EqualFold(h.Get("X-Amz-Bypass-Governance-Retention"), "true") {
		add("BypassGovernanceRetention")
	}
	return append(all, c.sourceNeeds()...)
}

// sideActions are those that headers of a new object add.
func (c *call) sideActions() []string {
	h := c.r.Header
	var all []string
	if h.Get("X-Amz-Tagging") != "" {
		all = append(all, "PutObjectTagging")
	}
	if hasACL(h) {
		all = append(all, "PutObjectAcl")
	}
	if h.Get(eventHold) != "" || h.Get("X-Amz-Object-Lock-Mode") != "" ||
		h.Get("X-Amz-Object-Lock-Retain-Until-Date") != "" {
		all = append(all, "PutObjectRetention")
	}
	if h.Get("X-Amz-Object-Lock-Legal-Hold") != "" {
		all = append(all, "PutObjectLegalHold")
	}
	return all
}

// sourceNeeds are those on the source of a copy.
func (c *call) sourceNeeds() []need {
	bucket, key, version, ok := c.copySource()
	if !ok {
		return nil
	}
	action := "s3:GetObject"
	if version != "" {
		action = "s3:GetObjectVersion"
	}
	return []need{{action, c.at(bucket).arn(key)}}
}

// usesKey permits the use of a customer's KMS key. Amazon's own key for S3 needs no
// permission of the caller's (AWS KMS Developer Guide, "AWS managed keys").
func (c *call) usesKey(b *bucket, o *object, actions ...string) *refusal {
	if !strings.HasPrefix(o.sse, "aws:kms") || strings.Contains(o.kmsKey, "aws-s3-") {
		return nil
	}
	for _, action := range actions {
		if refused := c.permit(need{"kms:" + action, c.server.keyARN(b, o.kmsKey)}); refused != nil {
			c.server.applied("kms-permissions")
			return refused
		}
	}
	return nil
}

// viaS3 is what KMS knows of a request that S3 makes for somebody about a key (AWS KMS
// Developer Guide, "kms:ViaService").
func viaS3(key string) string {
	region := strings.Split(key, ":")[3]
	p, _ := partitionOf(region)
	return "s3." + region + "." + p.suffix
}

// copySource reads x-amz-copy-source.
func (c *call) copySource() (bucket, key, version string, ok bool) {
	text := c.r.Header.Get("X-Amz-Copy-Source")
	if text == "" {
		return "", "", "", false
	}
	path, query, _ := strings.Cut(text, "?versionId=")
	if v, err := url.QueryUnescape(query); err == nil {
		version = v
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return "", "", "", false
	}
	bucket, key, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return bucket, key, version, ok && bucket != "" && key != ""
}

func hasACL(h http.Header) bool {
	for name := range h {
		if name == "X-Amz-Acl" || strings.HasPrefix(name, "X-Amz-Grant-") {
			return true
		}
	}
	return false
}

// authorize refuses what the caller may not do.
func (c *call) authorize() *refusal {
	for _, n := range c.needs() {
		if refused := c.permit(n); refused != nil {
			return refused
		}
	}
	return nil
}

// permit notes whether an action is allowed, and refuses it if it is not.
func (c *call) permit(n need) *refusal {
	if c.allowed(n) {
		c.server.note(c.user.Name, func(l *ledger) map[string]bool { return l.used }, n.action+" "+n.resource)
		return nil
	}
	c.server.note(c.user.Name, func(l *ledger) map[string]bool { return l.denied }, n.action+" "+n.resource)
	return denied("User: %s is not authorized to perform: %s on resource: %q because no identity-based policy "+
		"allows the %s action",
		c.user.arn(), n.action, n.resource, n.action)
}

// sees tells whether an answer may have what an action permits. What it may not have
// is left out without a word.
func (c *call) sees(n need) bool {
	if c.allowed(n) {
		c.server.note(c.user.Name, func(l *ledger) map[string]bool { return l.used }, n.action+" "+n.resource)
		return true
	}
	c.server.note(c.user.Name, func(l *ledger) map[string]bool { return l.hidden }, n.action+" "+n.resource)
	return false
}

// allowed evaluates the caller's policy and the bucket's (IAM User Guide, "Policy
// evaluation logic"): a Deny anywhere wins; within an account one Allow is enough;
// of another account's bucket both have to allow.
func (c *call) allowed(n need) bool {
	if c.user.Name == setup {
		return true // the tests' own
	}
	b := c.resourceBucket(n.resource)
	if n.action == "s3:CreateBucket" {
		b = nil // it is not there yet, whoever may have one of its name
	}
	request := request{n.action, n.resource, c.user, c.user.arn(), c.conditionKeys(b)}
	switch {
	case c.host.service == "kms": // is asked itself
		delete(request.keys, "kms:viaservice")
	case strings.HasPrefix(n.action, "kms:"):
		request.keys["kms:viaservice"] = viaS3(n.resource)
	}
	identity := silent
	if c.user.Root {
		identity = allows
	} else if c.user.Policy != "" {
		p, err := parsePolicy(c.user.Policy)
		if err != nil {
			return false // was refused when it was given
		}
		identity = p.about(request)
	}
	if identity == denies {
		return false
	}
	if b == nil {
		return identity == allows
	}
	resource := silent
	if text, ok := b.policy(); ok {
		if p, err := parsePolicy(text); err == nil {
			resource = p.about(request)
		}
	}
	if strings.HasSuffix(n.action, "BucketPolicy") && c.user.Root && c.user.Account == b.account {
		resource = max(resource, allows) // its owner can always mend a policy
		if resource == denies {
			resource = allows
		}
	}
	switch {
	case resource == denies:
		return false
	case b.account == c.user.Account:
		return identity == allows || resource == allows
	}
	return identity == allows && resource == allows
}

// suffix is that of the hosts of the caller's partition.
func (c *call) suffix() string {
	p, _ := partitionOf(c.host.region)
	return p.suffix
}

// conditionKeys' names, besides those of headers, for policies to be checked against.
func knownKey(key string) bool {
	key = strings.ToLower(key)
	return strings.HasPrefix(key, "s3:x-amz-") || slices.Contains(strings.Fields(`aws:securetransport aws:sourceip
		aws:requestedregion aws:principalaccount aws:principalarn aws:currenttime aws:resourceaccount s3:resourceaccount
		s3:authtype s3:signatureversion s3:tlsversion s3:prefix s3:delimiter s3:max-keys s3:versionid s3:if-match
		s3:if-none-match s3:object-lock-mode s3:object-lock-legal-hold s3:object-lock-retain-until-date
		s3:locationconstraint kms:viaservice aws:userid aws:sourcevpce aws:sourcevpc aws:principaltype
		aws:principalorgid aws:viaawsservice aws:calledvia`), key)
}

func (c *call) resourceBucket(resource string) *bucket {
	head, path, ok := strings.Cut(resource, ":s3:::")
	if !ok {
		return nil
	}
	name, _, _ := strings.Cut(path, "/")
	return c.server.bucket(place{strings.TrimPrefix(head, "arn:"), name})
}

// conditionKeys are what conditions can ask about (Service Authorization Reference,
// "Condition keys for Amazon S3"; IAM User Guide, "AWS global condition context keys").
func (c *call) conditionKeys(of *bucket) map[string]string {
	s, h := c.server, c.r.Header
	keys := map[string]string{
		"aws:securetransport": "true", "aws:sourceip": "127.0.0.1", "aws:requestedregion": c.host.region,
		"aws:principalaccount": c.user.Account, "aws:principalarn": c.user.arn(),
		"aws:currenttime": s.now().UTC().Format("2006-01-02T15:04:05Z"), "s3:authtype": "REST-HEADER",
		"s3:signatureversion": "AWS4-HMAC-SHA256", "s3:tlsversion": "1.3",
	}
	if of != nil {
		keys["aws:resourceaccount"], keys["s3:resourceaccount"] = of.account, of.account
	}
	for _, name := range []string{"prefix", "delimiter", "max-keys", "versionId"} {
		if c.query.Has(name) {
			keys["s3:"+strings.ToLower(name)] = c.query.Get(name)
		}
	}
	for name := range h {
		lower := strings.ToLower(name)
		switch {
		case lower == "if-match" || lower == "if-none-match", strings.HasPrefix(lower, "x-amz-"):
			keys["s3:"+lower] = h.Get(name)
		}
	}
	for _, name := range []string{"object-lock-mode", "object-lock-legal-hold", "object-lock-retain-until-date"} {
		if v := h.Get("X-Amz-" + name); v != "" {
			keys["s3:"+name] = v
		}
	}
	keys["kms:viaservice"] = "s3." + c.host.region + "." + c.suffix()
	if c.operation == "CreateBucket" {
		keys["s3:locationconstraint"] = c.constraint()
	}
	return keys
}
