module github.com/residency/residency/scripts/benchmark

go 1.26.0
