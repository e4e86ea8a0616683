// Package storetest is what residency's tests stand on: real S3 servers, a
// faulty network in front of them, and a second pair of eyes.
//
// A [Sandbox] is a set of S3 servers on loopback, one per region. A [Proxy]
// stands in front of one of them, counts what passes and breaks what it is
// told to break. [Snapshot] and [Diff] say what a bucket holds and how two
// buckets differ; they use the S3 client directly and share no code with the
// program they check.
//
//	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{"us-east-1", "eu-west-1"}})
//	proxy := box.Proxy(t, "eu-west-1")
//	proxy.SetFault(func(r storetest.Request) storetest.Fault {
//		return storetest.Fault{LostResponse: r.Operation == "PutObject" && r.N == 1}
//	})
//	... copy through proxy.URL() ...
//	want, err := storetest.Snapshot(ctx, box.Client("us-east-1"), "source", "")
//	got, err := storetest.Snapshot(ctx, box.Client("eu-west-1"), "copy", "")
//	if d := storetest.Diff(want, got); d != "" {
//		t.Error(d)
//	}
package storetest
