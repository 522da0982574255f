module kubernetes-emerging/lab/pause

go 1.24.0
