package permission_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/iam"
	"github.com/residency/residency/migrate/permission"
)

func source(prefix string) permission.Where {
	return permission.Where{End: permission.Source, Provider: "aws", Partition: "aws", Region: "us-east-1", KMS: true,
		Places: []objectstore.Location{{Provider: "aws", Bucket: "b", Prefix: prefix}}}
}

// allows tells whether a stage's policy at an end allows an action on a resource.
func allows(t *testing.T, s permission.Stage, w permission.Where, action, resource string) bool {
	t.Helper()
	for _, d := range permission.Documents([]permission.Stage{s}, []permission.Where{w}) {
		for _, s := range d.Policy.Statement {
			covers := func(r string) bool { return iam.Matches(r, resource) }
			if slices.Contains(s.Action, action) && slices.ContainsFunc(s.Resource, covers) {
				return true
			}
		}
	}
	return false
}

// Who copies deletes no data at the source, and who erases writes none there. Nobody
// passes by a lock, and only a fence sets a policy.
func TestTwoPersons(t *testing.T) {
	const data, own = "arn:aws:s3:::b/tenants/acme/k", "arn:aws:s3:::b/tenants/acme/.residency-probe-x"
	w := source("tenants/acme/")
	writes := []string{"s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl", "s3:PutObjectRetention"}
	deletes := []string{"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"}
	for _, s := range permission.Stages() {
		for _, a := range slices.Concat(writes, deletes) {
			want := s == permission.Erase && slices.Contains(deletes, a)
			if got := allows(t, s, w, a, data); got != want {
				t.Errorf("%s: %s on data at the source: %t, want %t", s, a, got, want)
			}
		}
		for _, a := range []string{"s3:PutBucketPolicy", "s3:DeleteBucketPolicy"} {
			if got := allows(t, s, w, a, "arn:aws:s3:::b"); got != (s == permission.Fence) {
				t.Errorf("%s: %s at the source: %t", s, a, got)
			}
		}
		for _, a := range []string{"s3:BypassGovernanceRetention", "s3:PutBucketVersioning", "s3:DeleteBucket"} {
			if allows(t, s, w, a, "arn:aws:s3:::b") || allows(t, s, w, a, data) {
				t.Errorf("%s: %s at the source", s, a)
			}
		}
	}
	if !allows(t, permission.Erase, w, "s3:PutObject", own) {
		t.Error("erase: no probe at the source")
	}
	if allows(t, permission.Erase, w, "s3:PutObject", "arn:aws:s3:::b/.residency-probe-x") {
		t.Error("erase: a probe beside the prefix that is moved")
	}
	destination := source("")
	destination.End = permission.Destination
	for _, a := range []string{"s3:PutObject", "s3:DeleteObjectVersion", "s3:DeleteObject"} {
		if allows(t, permission.Erase, destination, a, "arn:aws:s3:::b/k") {
			t.Errorf("erase: %s on the copies", a)
		}
	}
}

// What a prefix has of a pattern's characters stands for itself.
func TestPrefixIsLiteral(t *testing.T) {
	for _, d := range permission.Documents([]permission.Stage{permission.Restore}, []permission.Where{source("a*b?c$/")}) {
		if got := d.Policy.Statement[0].Resource[0]; got != "arn:aws:s3:::b/a${*}b${?}c${$}/*" {
			t.Errorf("resource %s", got)
		}
	}
}

// Who moves a prefix of a bucket lists that, and of the rest the leases.
func TestPrefixAloneIsListed(t *testing.T) {
	w := source("tenants/acme/")
	w.Places = append(w.Places, objectstore.Location{Provider: "aws", Bucket: "b", Prefix: "a*/"},
		objectstore.Location{Provider: "aws", Bucket: "whole"})
	for stage, want := range map[permission.Stage]string{
		permission.Inventory: "a${*}/* tenants/acme/*", permission.Plan: "a${*}/* tenants/acme/*",
		permission.Copy:  "a${*}/* tenants/acme/*, .residency-probe-* .residency-reservation-*",
		permission.Erase: "a${*}/* tenants/acme/*, .residency-probe-* .residency-reservation-*",
		permission.Abort: "a${*}/* tenants/acme/*",
	} {
		var listed []string
		for _, s := range permission.Documents([]permission.Stage{stage}, []permission.Where{w})[0].Policy.Statement {
			lists := slices.Contains(s.Action, "s3:ListBucket") || slices.Contains(s.Action, "s3:ListBucketVersions") ||
				slices.Contains(s.Action, "s3:ListBucketMultipartUploads")
			of := s.Condition["StringLike"]["s3:prefix"]
			if lists && len(of) > 0 {
				listed = append(listed, strings.Join(of, " "))
			}
			if lists == (len(of) == 0) && slices.Contains(s.Resource, "arn:aws:s3:::b") || lists && slices.Contains(s.Resource,
				"arn:aws:s3:::*") {
				t.Errorf("%s: %+v", stage, s)
			}
		}
		if got := strings.Join(listed, ", "); got != want {
			t.Errorf("%s: lists %s, want %s", stage, got, want)
		}
	}
}

// Keys are named as far as they are known, and are for S3 alone.
func TestKeys(t *testing.T) {
	const arn = "arn:aws:kms:eu-west-1:111122223333:key/k"
	for key, want := range map[string]string{
		arn: arn, "k": arn, "": "arn:aws:kms:eu-west-1:111122223333:key/*",
		"alias/a": "arn:aws:kms:eu-west-1:111122223333:key/*",
		"arn:aws:kms:eu-west-1:111122223333:alias/a": "arn:aws:kms:eu-west-1:111122223333:key/*",
	} {
		w := source("")
		w.End, w.Region, w.Account, w.Key = permission.Destination, "eu-west-1", "111122223333", key
		statements := permission.Documents([]permission.Stage{permission.Verify}, []permission.Where{w})[0].Policy.Statement
		i := slices.IndexFunc(statements, func(s iam.Statement) bool { return s.Sid == "Keys" })
		if i < 0 || statements[i].Resource[0] != want ||
			statements[i].Condition["StringLike"]["kms:ViaService"][0] != "s3.eu-west-1.amazonaws.com" {
			t.Errorf("key %q: %+v", key, statements)
		}
		w.KMS = false
		for _, s := range permission.Documents([]permission.Stage{permission.Verify},
			[]permission.Where{w})[0].Policy.Statement {
			if s.Sid == "Keys" {
				t.Error("keys of a service that has none")
			}
		}
	}
}

// Every statement has a name of its own, of letters and digits.
func TestSids(t *testing.T) {
	for _, end := range []permission.End{permission.Source, permission.Destination, permission.State,
		permission.Anywhere} {
		w := source("p/")
		w.End = end
		for _, d := range permission.Documents(permission.Stages(), []permission.Where{w}) {
			seen := map[string]bool{}
			for _, s := range d.Policy.Statement {
				if seen[s.Sid] || strings.Trim(s.Sid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
					t.Errorf("%s: statement %q", end, s.Sid)
				}
				seen[s.Sid] = true
			}
		}
	}
}

func TestParse(t *testing.T) {
	for _, s := range permission.Stages() {
		if got, err := permission.Parse(string(s)); got != s || err != nil || s.Command() == "" || len(s.Uses()) == 0 {
			t.Errorf("%s: %v, %v, %q", s, got, err, s.Command())
		}
	}
	if _, err := permission.Parse("delete"); err == nil {
		t.Error("no error for a stage that is none")
	}
	for _, s := range permission.Stages() {
		for _, u := range s.Uses() {
			if !iam.Known(u.Operation) || u.Why == "" || len(iam.Needs(u.Operation, u.Cases...)) == 0 {
				t.Errorf("%s: %+v", s, u)
			}
		}
	}
}
