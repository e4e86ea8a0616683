package amazon

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// bucket is what is held of a bucket besides its objects.
type bucket struct {
	name, region, account string
	created               time.Time
	lock                  bool // object lock is on

	mu       sync.Mutex // guards what follows
	settings map[string]string
	objects  map[version]*object
	uploads  map[string]*upload
	mfa      bool
	lag      int  // writes for which versioning that is on makes null versions yet
	lagging  bool // versioning is said to be on, and the server behind has not heard of it
	system   []tag
	former   string // the policy before the last change
	stale    int    // how often yet it may show
	slow     int    // how often it shows behind a change
}

// place is where a bucket's name is given once: in a partition.
type place struct{ partition, name string }

func (b *bucket) place() place {
	p, _ := partitionOf(b.region)
	return place{p.id, b.name}
}

func (s *Server) bucket(at place) *bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets[at]
}

// arn is the bucket's Amazon Resource Name.
func (b *bucket) arn() string { return b.place().arn("") }

// policy returns the bucket's policy; while one that was just changed is not in force
// everywhere, every second time the one before.
func (b *bucket) policy() (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.settings["BucketPolicy"]
	if b.stale > 0 {
		if b.stale--; b.stale%2 == 0 {
			text = b.former
		}
	}
	return text, text != ""
}

func (b *bucket) setting(noun string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settings[noun]
}

func (b *bucket) set(noun, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if text == "" {
		delete(b.settings, noun)
	} else {
		b.settings[noun] = text
	}
}

const namespace = `xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

// listBuckets answers the list of all buckets of the caller's account, whatever
// their region (Amazon S3 API Reference, "ListBuckets").
func (c *call) listBuckets() *refusal {
	s, q := c.server, c.query
	s.mu.Lock()
	var all []*bucket
	for at, b := range s.buckets {
		if at.partition == c.partition() && b.account == c.user.Account {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b *bucket) int { return strings.Compare(a.name, b.name) })
	limit := s.options.MaxBuckets
	s.mu.Unlock()
	most := len(all)
	if q.Has("max-buckets") {
		n, err := strconv.Atoi(q.Get("max-buckets"))
		if err != nil || n < 1 || n > 10_000 {
			return invalidArgument("max-buckets", q.Get("max-buckets"), "max-buckets is from 1 to 10,000")
		}
		most = n
	} else if most > limit {
		s.applied("list-buckets-paged")
		return invalidRequest("Unpaginated ListBuckets requests are not supported above %d buckets", limit)
	}
	// The region is told if the request has at least one parameter.
	telling := q.Has("max-buckets") || q.Has("prefix") || q.Has("bucket-region") || q.Has("continuation-token")
	var b strings.Builder
	fmt.Fprintf(&b, xml.Header+`<ListAllMyBucketsResult %s><Owner><ID>%s</ID></Owner><Buckets>`, namespace,
		canonicalID(c.user.Account))
	last, shown, more := "", 0, false
	for _, bucket := range all {
		if bucket.name <= q.Get("continuation-token") || !strings.HasPrefix(bucket.name, q.Get("prefix")) ||
			q.Get("bucket-region") != "" && q.Get("bucket-region") != bucket.region {
			continue
		}
		if more = shown == most; more {
			break
		}
		shown++
		last = bucket.name
		fmt.Fprintf(&b, `<Bucket><Name>%s</Name><CreationDate>%s</CreationDate>`, bucket.name, stamp(bucket.created))
		if telling {
			fmt.Fprintf(&b, `<BucketRegion>%s</BucketRegion><BucketArn>%s</BucketArn>`, bucket.region,
				bucket.arn())
		}
		b.WriteString(`</Bucket>`)
	}
	b.WriteString(`</Buckets>`)
	if more {
		b.WriteString(`<ContinuationToken>` + last + `</ContinuationToken>`)
	}
	b.WriteString(`</ListAllMyBucketsResult>`)
	return c.answer(http.StatusOK, []byte(b.String()))
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// constraint is the location that CreateBucket asks for.
func (c *call) constraint() string {
	var configuration struct{ LocationConstraint string }
	_ = xml.Unmarshal(c.body, &configuration) // checked when the bucket is made
	return configuration.LocationConstraint
}

// named are the names that a bucket can have (Amazon S3 User Guide, "General purpose
// bucket naming rules").
var named = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// createBucket makes a bucket as new ones have been since April 2023 and April 2026:
// public access blocked, ACLs off, encrypted with SSE-S3, SSE-C refused.
func (c *call) createBucket() *refusal {
	s, h := c.server, c.r.Header
	if !named.MatchString(c.name) || strings.Contains(c.name, "..") {
		return refuse(http.StatusBadRequest, "InvalidBucketName",
			"The specified bucket is not valid.").with("BucketName", c.name)
	}
	region := c.constraint()
	if len(c.body) > 0 && xml.Unmarshal(c.body, new(struct{})) != nil {
		return malformedXML()
	}
	if region == "" && c.host.region != "us-east-1" || region != "" && region != c.host.region {
		s.applied("location-constraint")
		return refuse(http.StatusBadRequest, "IllegalLocationConstraintException",
			"The %s location constraint is incompatible for the region specific endpoint this request was sent to.",
			cmp.Or(region, "unspecified"))
	}
	if region == "us-east-1" {
		s.applied("location-constraint")
		return refuse(http.StatusBadRequest, "InvalidLocationConstraint",
			"The specified location-constraint is not valid").
			with("LocationConstraint", region)
	}
	if !slices.Contains(s.options.Regions, c.host.region) {
		return denied("the region %s is not enabled for this account", c.host.region)
	}
	if old := s.bucket(c.at(c.name)); old != nil {
		s.applied("recreate")
		if old.account == c.user.Account && old.region == "us-east-1" && c.host.region == "us-east-1" {
			old.set("BucketAcl", "")
			return c.answer(http.StatusOK, nil)
		}
		if old.account == c.user.Account {
			return refuse(http.StatusConflict, "BucketAlreadyOwnedByYou",
				"Your previous request to create the named bucket succeeded and you already own "+
					"it.").with("BucketName", c.name)
		}
		return refuse(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available.").
			with("BucketName", c.name)
	}
	ownership := cmp.Or(h.Get("X-Amz-Object-Ownership"), "BucketOwnerEnforced")
	if ownership == "BucketOwnerEnforced" && hasACL(h) && h.Get("X-Amz-Acl") != "private" {
		return refuse(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership",
			"Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	}
	locked := strings.EqualFold(h.Get("X-Amz-Bucket-Object-Lock-Enabled"), "true")
	out := behind{method: http.MethodPut, bucket: c.name, header: http.Header{}, body: c.body}
	if locked {
		out.header.Set("X-Amz-Bucket-Object-Lock-Enabled", "true")
	}
	resp, err := s.send(c.r.Context(), c.host.region, out)
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	b := newBucket(c.name, c.host.region, c.user.Account, ownership, s.now())
	b.lock = locked
	s.mu.Lock()
	b.lag = s.lag
	s.buckets[b.place()] = b
	s.mu.Unlock()
	s.applied("new-buckets")
	c.w.Header().Set("Location", "/"+c.name)
	c.w.Header().Set("X-Amz-Bucket-Arn", b.arn())
	return c.answer(http.StatusOK, nil)
}

// newBucket is a bucket as new ones are.
func newBucket(name, region, account, ownership string, at time.Time) *bucket {
	return &bucket{
		name: name, region: region, account: account, created: at,
		settings: map[string]string{
			"BucketEncryption": defaultEncryption,
			"BucketOwnershipControls": `<OwnershipControls ` + namespace + `><Rule><ObjectOwnership>` + ownership +
				`</ObjectOwnership></Rule></OwnershipControls>`,
			"PublicAccessBlock": `<PublicAccessBlockConfiguration ` + namespace +
				`><BlockPublicAcls>true</BlockPublicAcls>` +
				`<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>` +
				`<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
		},
		objects: make(map[version]*object), uploads: make(map[string]*upload),
	}
}

const defaultEncryption = `<ServerSideEncryptionConfiguration ` + namespace +
	`><Rule><ApplyServerSideEncryptionByDefault>` +
	`<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled>` +
	`<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>` +
	`</ServerSideEncryptionConfiguration>`

func (c *call) headBucket() *refusal {
	c.w.Header().Set("X-Amz-Bucket-Region", c.bucket.region)
	c.w.Header().Set("X-Amz-Bucket-Arn", c.bucket.arn())
	c.w.Header().Set("X-Amz-Access-Point-Alias", "false")
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) deleteBucket() *refusal {
	resp, err := c.server.send(c.r.Context(), c.bucket.region, behind{method: http.MethodDelete, bucket: c.name})
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusNoContent {
		return resp.refusal()
	}
	c.server.mu.Lock()
	delete(c.server.buckets, c.bucket.place())
	c.server.mu.Unlock()
	return c.answer(http.StatusNoContent, nil)
}

func (c *call) getBucketLocation() *refusal {
	region := c.bucket.region
	if region == "us-east-1" {
		region = "" // the one that is named by saying nothing
	}
	return c.answer(http.StatusOK, fmt.Appendf(nil, xml.Header+`<LocationConstraint %s>%s</LocationConstraint>`,
		namespace, region))
}
