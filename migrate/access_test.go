package migrate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

const (
	everybody = "http://acs.amazonaws.com/groups/global/AllUsers"
	owner     = "0000000000000000000000000000000000000000000000000000000000000001"
	partner   = "0000000000000000000000000000000000000000000000000000000000000002"
)

// acl is the document that S3 answers with.
func acl(grants ...string) string {
	return `<AccessControlPolicy><Owner><ID>` + owner + `</ID></Owner><AccessControlList>` + strings.Join(grants, "") +
		`</AccessControlList></AccessControlPolicy>`
}

func toAccount(id, permission string) string {
	return `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>` + id +
		`</ID></Grantee><Permission>` + permission + `</Permission></Grant>`
}

func toGroup(uri, permission string) string {
	return `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>` + uri +
		`</URI></Grantee><Permission>` + permission + `</Permission></Grant>`
}

// listed makes two servers behave as if they had access control lists: the
// source has some, the destination keeps what it is given, unless it forgets.
type listedServers struct {
	forget bool
	mu     sync.Mutex
	given  map[string]string // headers of a PUT, by key
}

func (l *listedServers) source(r storetest.Request) storetest.Fault {
	if r.Operation != "GetObjectAcl" {
		return storetest.Fault{}
	}
	switch r.Key {
	case "plain/00001":
		return storetest.Fault{Answer: acl(toAccount(owner, "FULL_CONTROL"), toGroup(everybody, "READ"))}
	case "plain/00002":
		return storetest.Fault{Answer: acl(toAccount(owner, "FULL_CONTROL"), toAccount(partner, "READ_ACP"))}
	}
	return storetest.Fault{Answer: acl(toAccount(owner, "FULL_CONTROL"))}
}

func (l *listedServers) destination(r storetest.Request) storetest.Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch r.Operation {
	case "PutObject":
		headers := []string{"X-Amz-Grant-Full-Control", "X-Amz-Grant-Read", "X-Amz-Grant-Read-Acp",
			"X-Amz-Grant-Write-Acp"}
		given := ""
		for _, h := range headers {
			if v := r.Header.Get(h); v != "" {
				given += h + ": " + v + "\n"
			}
		}
		if given == "" {
			return storetest.Fault{}
		}
		l.given[r.Key] = given
		return storetest.Fault{DelRequestHeader: headers}
	case "GetObjectAcl":
		grants := []string{toAccount(owner, "FULL_CONTROL")}
		if given := l.given[r.Key]; !l.forget && strings.Contains(given, "X-Amz-Grant-Read: uri=\""+everybody) {
			grants = append(grants, toGroup(everybody, "READ"))
		} else if !l.forget && strings.Contains(given, "X-Amz-Grant-Read-Acp: id=\""+partner) {
			grants = append(grants, toAccount(partner, "READ_ACP"))
		}
		return storetest.Fault{Answer: acl(grants...)}
	}
	return storetest.Fault{}
}

func listedFixture(t *testing.T, ownership types.ObjectOwnership, forget bool) (*fixture, *listedServers) {
	t.Helper()
	f := newFixture(t, true)
	f.fill(6, 100)
	f.must(f.box.Client(us).PutBucketOwnershipControls(t.Context(),
		&s3.PutBucketOwnershipControlsInput{Bucket: &f.bucket,
			OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: ownership}}}}))
	l := &listedServers{forget: forget, given: map[string]string{}}
	f.from.SetFault(l.source)
	f.to.SetFault(l.destination)
	return f, l
}

// Grants of single objects are asked for and carried where ownership leaves
// access control lists in force.
func TestGrants(t *testing.T) {
	f, l := listedFixture(t, types.ObjectOwnershipObjectWriter, false)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if !p.Moves[0].ACLs || slices.Contains(rules(p.Warnings), "acl") {
		t.Fatalf("ACLs %v, warnings %v; want them carried", p.Moves[0].ACLs, rules(p.Warnings))
	}
	f.from.Reset()
	f.to.Reset()
	r, err := f.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
	full := `X-Amz-Grant-Full-Control: id="` + owner + "\"\n"
	for key, want := range map[string]string{
		"plain/00001": full + `X-Amz-Grant-Read: uri="` + everybody + "\"\n",
		"plain/00002": full + `X-Amz-Grant-Read-Acp: id="` + partner + "\"\n",
	} {
		if l.given[key] != want {
			t.Errorf("%s was written with\n%s\nwant\n%s", key, l.given[key], want)
		}
	}
	if len(l.given) != 2 {
		t.Errorf("%d objects were written with grants, want 2", len(l.given))
	}
	if n, m := f.from.Counts()["GetObjectAcl"], f.to.Counts()["GetObjectAcl"]; n != 6 || m != 2 {
		t.Errorf("%d GetObjectAcl at the source and %d at the destination, want one per object, and one per object with "+
			"grants", n, m)
	}
}

// Grants that the destination lost are a mismatch.
func TestGrantsLost(t *testing.T) {
	f, _ := listedFixture(t, types.ObjectOwnershipBucketOwnerPreferred, true)
	before := f.snapshot(us, f.bucket)
	r, err := f.run(f.plan("auto"))
	if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["mismatch"] != 2 {
		t.Errorf("run: %v, want two entries to differ\n%s", err, problems(r))
	}
	f.intact(before)
}

// Where the bucket's owner is enforced nobody asks about lists.
func TestGrantsNotInForce(t *testing.T) {
	f, _ := listedFixture(t, types.ObjectOwnershipBucketOwnerEnforced, false)
	r, err := f.run(f.plan("auto"))
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if n := f.from.Counts()["GetObjectAcl"]; n != 0 {
		t.Errorf("%d GetObjectAcl, want none", n)
	}
}

// What only AWS has, on its emulator: grants, storage classes, archived
// versions, KMS keys, in regions behind one address.
func TestOnMoto(t *testing.T) {
	f := newFixtureOn(t, storetest.StartMoto(t, us, eu))
	client := f.box.Client(us)
	f.must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
	for i, class := range []types.StorageClass{types.StorageClassStandard, types.StorageClassStandardIa,
		types.StorageClassGlacierIr, types.StorageClassIntelligentTiering, types.StorageClassGlacier,
		types.StorageClassDeepArchive} {
		f.put(fmt.Sprintf("class/%d", i), []byte(class), func(in *s3.PutObjectInput) { in.StorageClass = class })
	}
	f.put("public", []byte("everybody reads this"), func(in *s3.PutObjectInput) {
		in.GrantRead, in.Tagging, in.CacheControl = aws.String(`uri="`+everybody+`"`), aws.String("a=1"),
			aws.String("no-store")
	})
	f.put("partner", []byte("a partner reads this"),
		func(in *s3.PutObjectInput) { in.GrantRead = aws.String(`id="` + partner + `"`) })
	f.put("kms", []byte("under a key"), func(in *s3.PutObjectInput) {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, aws.String("alias/aws/s3")
	})
	f.kmsKey, f.restore = "alias/aws/s3", "Standard"
	p := f.plan("auto")
	r, err := f.run(p)
	for range 3 {
		var waiting *migrate.RestoringError
		if !errors.As(err, &waiting) {
			break
		}
		t.Logf("%v", err)
		r, err = f.run(p) // moto restores while it is asked
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if f.from.Counts()["RestoreObject"] < 2 {
		t.Errorf("requests %v, want the restore of two versions", f.from.Counts())
	}
	if left, err := client.ListObjectVersions(t.Context(),
		&s3.ListObjectVersionsInput{Bucket: &f.bucket}); err != nil ||
		len(left.Versions) > 0 {
		t.Errorf("the source still holds %d versions: %v", len(left.Versions), err)
	}
	after, err := f.box.Client(eu).ListObjectVersions(t.Context(),
		&s3.ListObjectVersionsInput{Bucket: aws.String(f.destination())})
	f.must(nil, err)
	classes := ""
	for _, v := range after.Versions {
		if strings.HasPrefix(*v.Key, "class/") {
			classes += string(v.StorageClass) + " "
		}
	}
	if want := "STANDARD STANDARD_IA GLACIER_IR INTELLIGENT_TIERING GLACIER DEEP_ARCHIVE "; classes != want {
		t.Errorf("storage classes %s\nwant            %s", classes, want)
	}
	for key, want := range map[string]string{"public": everybody, "partner": partner} {
		out, err := f.box.Client(eu).GetObjectAcl(t.Context(),
			&s3.GetObjectAclInput{Bucket: aws.String(f.destination()),
				Key: &key})
		f.must(nil, err)
		if !slices.ContainsFunc(out.Grants, func(g types.Grant) bool {
			return g.Permission == types.PermissionRead && aws.ToString(g.Grantee.URI)+
				aws.ToString(g.Grantee.ID) == want
		}) {
			t.Errorf("%s: grants %+v at the destination, want READ to %s", key, out.Grants, want)
		}
	}
	head, err := f.box.Client(eu).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(f.destination()),
		Key: aws.String("kms")})
	if err != nil || head.ServerSideEncryption != types.ServerSideEncryptionAwsKms {
		t.Errorf("kms: %v encryption at the destination, %v", head.ServerSideEncryption, err)
	}
}

// unowned takes the ownership controls from the source bucket, as one from before
// that setting has none: access control lists are in force there.
func (f *fixture) unowned() {
	f.t.Helper()
	f.must(f.box.Client(us).DeleteBucketOwnershipControls(f.t.Context(),
		&s3.DeleteBucketOwnershipControlsInput{Bucket: &f.bucket}))
}

// A destination without ownership controls has no lists that anybody heeds: the
// plan says so, and the move does without.
func TestGrantsNotOffered(t *testing.T) {
	for name, own := range map[string]func(f *fixture){
		"none set": (*fixture).unowned,
		"object writer": func(f *fixture) {
			f.must(f.box.Client(us).PutBucketOwnershipControls(t.Context(),
				&s3.PutBucketOwnershipControlsInput{Bucket: &f.bucket,
					OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}}}}))
		},
	} {
		for _, there := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, destination there %v", name, there), func(t *testing.T) {
				f := between(t, "versitygw", "minio")
				f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
				f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
				f.fill(3, 100)
				own(f)
				if there {
					f.must(f.box.Client(eu).CreateBucket(t.Context(),
						&s3.CreateBucketInput{Bucket: aws.String(f.destination())}))
					f.versioning(eu, f.destination(), types.BucketVersioningStatusEnabled)
				}
				l := &listedServers{given: map[string]string{}}
				f.from.SetFault(l.source)
				before := f.snapshot(us, f.bucket)
				p := f.plan("auto")
				if text := warned(p, "acl"); len(p.Blockers) > 0 || p.Moves[0].ACLs ||
					!strings.Contains(text,
						"grants of single objects are not carried: the destination has no ownership controls") {
					t.Errorf("blockers %+v, warning %q, ACLs %v; want it said that they are not carried",
						p.Blockers, text, p.Moves[0].ACLs)
				}
				if r, err := f.run(p); err != nil {
					t.Fatalf("%v\n%s", err, problems(r))
				}
				if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
					t.Errorf("the destination differs:\n%s", d)
				}
				if left := f.snapshot(us, f.bucket); len(left) > 0 {
					t.Errorf("the source still holds %d keys", len(left))
				}
			})
		}
	}
}

// What a bucket's own list gives to others than its owner is named: it is not
// carried, and nobody who could read the source can read the destination by it.
func TestBucketGrants(t *testing.T) {
	f := newFixture(t, true)
	f.fill(3, 100)
	f.unowned()
	if text := warned(f.plan("auto"), "bucket-acl"); text != "" {
		t.Errorf("warning %q of a list with none but the owner", text)
	}
	f.must(f.box.Client(us).PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: &f.bucket,
		ACL: types.BucketCannedACLPublicRead}))
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if text := warned(p, "bucket-acl"); !strings.Contains(text, "READ to the group all-users") ||
		!strings.Contains(text, "not carried") {
		t.Errorf("warning %q, want who has what", text)
	}
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
	acl, err := f.box.Client(eu).GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: aws.String(f.destination())})
	f.must(nil, err)
	for _, g := range acl.Grants {
		if aws.ToString(g.Grantee.ID) != f.box.AccessKey {
			t.Errorf("the destination gives %s to %s%s", g.Permission, aws.ToString(g.Grantee.ID),
				aws.ToString(g.Grantee.URI))
		}
	}
}
