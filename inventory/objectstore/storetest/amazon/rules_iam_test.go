package amazon_test

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func askPermissions(a *asked) {
	ctx := a.t.Context()
	a.must(a.put(a.us, &s3.PutObjectInput{}))
	get := func(c *s3.Client) error {
		_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: ptr("here"), Key: ptr("k")})
		return err
	}
	a.is("no policy", get(a.s.ClientAs("nobody", "us-east-1")), forbidden)
	a.is("allowed", get(a.as("s3:GetObject")), ok)
	a.is("by a pattern, in other letters", get(a.as("S3:get*")), ok)
	a.is("another action", get(a.as("s3:GetObjectVersion")), forbidden)
	head, err := a.as("s3:ListBucket").HeadObject(ctx, &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("k")})
	a.is("head, which has no body", err, "Forbidden: Forbidden")
	if head != nil {
		a.t.Error("a head that is denied told something")
	}
	a.is("tags with the object", a.put(a.as("s3:PutObject"), &s3.PutObjectInput{Tagging: ptr("a=b")}), forbidden)
	a.is("and their action", a.put(a.as("s3:PutObject", "s3:PutObjectTagging"),
		&s3.PutObjectInput{Tagging: ptr("a=b")}), ok)

	for _, tt := range []struct{ name, policy, want string }{
		{"an explicit deny",
			`[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::here/*"}]`, forbidden},
		{"a deny of another resource",
			`[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::here/other"}]`, ok},
		{"the bucket's ARN is not its objects'",
			`{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::here"}`, forbidden},
		{"all but", `{"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}`, forbidden},
		{"all but others", `{"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}`, ok},
		{"a condition that holds",
			`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceAccount": "111122223333"}}}`, ok},
		{"one that does not",
			`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}}}`, forbidden},
		{"a key that is not there",
			`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringLike": {"s3:prefix": "*"}}}`,
			forbidden},
		{"if it exists",
			`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringLikeIfExists": {"s3:prefix": "x"}}}`, ok},
		{"null",
			`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"Null": {"s3:if-match": "false"}}}`,
			forbidden},
	} {
		a.must(a.s.SetPolicy("nobody", `{"Version": "2012-10-17", "Statement": `+tt.policy+`}`))
		a.is(tt.name, get(a.s.ClientAs("nobody", "us-east-1")), tt.want)
	}
	if err := a.s.SetPolicy("nobody",
		`{"Statement": {"Effect": "Allow", "Action": "s3:GetObjects", "Resource": "*"}}`); err == nil {
		a.t.Error("a policy with an action that does not exist was taken")
	}

	// Another account takes both sides' word.
	foreign := a.s.ClientAs("foreigner", "us-east-1")
	a.is("a foreigner", get(foreign), forbidden)
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"},
		"Action": "s3:GetObject", "Resource": "arn:aws:s3:::here/*"}]}`
	_, err = a.us.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: ptr("here"), Policy: &policy})
	a.must(err)
	a.is("a foreigner whom the bucket lets in", get(foreign), ok)
	policy = strings.ReplaceAll(strings.Replace(policy, `{"AWS": "arn:aws:iam::999988887777:root"}`, `"*"`, 1),
		"Allow", "Deny")
	_, err = a.us.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: ptr("here"), Policy: &policy})
	a.must(err)
	a.is("whom the bucket denies", get(a.as("s3:*")), forbidden)
	for _, want := range []string{"s3:GetObject arn:aws:s3:::here/k", "s3:PutObjectTagging arn:aws:s3:::here/k"} {
		if !slices.Contains(a.s.Denied("nobody"), want) {
			a.t.Errorf("denied %v, without %s", a.s.Denied("nobody"), want)
		}
	}
	if used := a.s.Used("nobody"); !slices.Contains(used, "s3:PutObject") || slices.Contains(used,
		"s3:GetObjectVersion") {
		a.t.Errorf("used %v", used)
	}
}

func ask404(a *asked) {
	get := func(c *s3.Client) error {
		_, err := c.GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: ptr("here"), Key: ptr("none")})
		return err
	}
	a.is("who may list", get(a.as("s3:GetObject", "s3:ListBucket")), "Not Found: NoSuchKey")
	a.is("who may not", get(a.as("s3:GetObject")), forbidden)
	_, err := a.as("s3:GetObject").HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("none")})
	a.is("head", err, "Forbidden: Forbidden")
}

func askTaggingCount(a *asked) {
	a.must(a.put(a.us, &s3.PutObjectInput{Tagging: ptr("a=b&c=d")}))
	for actions, want := range map[string]int32{"s3:GetObject": 0, "s3:GetObject s3:GetObjectTagging": 2} {
		head, err := a.as(strings.Fields(actions)...).HeadObject(a.t.Context(),
			&s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("k")})
		a.must(err)
		if got := head.TagCount; want == 0 && got != nil || want > 0 && (got == nil || *got != want) {
			a.t.Errorf("with %s: a count of %v, want %d", actions, got, want)
		}
	}
	if hidden := a.s.Hidden("nobody"); len(hidden) != 1 || hidden[0] != "s3:GetObjectTagging arn:aws:s3:::here/k" {
		a.t.Errorf("hidden %v", hidden)
	}
}
