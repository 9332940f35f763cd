"""The peer: the C++ library `implicit` on the same split, the same two threads. Prints one line of JSON.

python peer.py TRAIN TEST PASSES FACTORS...
"""
import json
import os
import sys
import time

# One thread a product: the library's own threads are the two.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import TFIDFRecommender
from scipy.sparse import csr_matrix

THREADS = 2
LENGTH = 20


def read(path):
    pairs = [(int(user), int(item)) for user, *items in map(str.split, open(path)) for item in items]
    return tuple(numpy.array(column) for column in zip(*pairs))


def matrix(pairs, shape):
    return csr_matrix((numpy.ones(len(pairs[0]), numpy.float32), pairs), shape=shape)


def mark():
    return time.perf_counter(), time.process_time()


def took(begin, end, steps=1):
    return {"seconds": (end[0] - begin[0]) / steps, "cpuSeconds": (end[1] - begin[1]) / steps}


def timed(run):
    begin = mark()
    result = run()
    return result, took(begin, mark())


def measured(model, train, test):
    asked = numpy.flatnonzero(numpy.diff(test.indptr))
    marks = []
    # Only ALS goes by passes, and tells them.
    steps = {"callback": lambda *_: marks.append(mark())} if hasattr(model, "iterations") else {}
    _, fit = timed(lambda: model.fit(train, show_progress=False, **steps))
    each = took(marks[0], marks[-1], len(marks) - 1) if marks else fit
    (lists, _), top = timed(lambda: model.recommend(asked, train[asked], N=LENGTH))
    truths = (test.indices[test.indptr[user] : test.indptr[user + 1]] for user in asked)
    recall = numpy.mean([numpy.isin(truth, found).sum() / len(truth) for truth, found in zip(truths, lists)])
    return {"fit": fit, "pass": each, "top": top, "recall": float(recall)}


train_path, test_path, passes, *sizes = sys.argv[1:]
train_pairs, test_pairs = read(train_path), read(test_path)
shape = tuple(int(max(a.max(), b.max())) + 1 for a, b in zip(train_pairs, test_pairs))
train, test = matrix(train_pairs, shape), matrix(test_pairs, shape)
result = {"neighbours": measured(TFIDFRecommender(K=1000, num_threads=THREADS), train, test)}
for size in map(int, sizes):
    model = AlternatingLeastSquares(
        factors=size, iterations=int(passes), alpha=10, regularization=1, num_threads=THREADS, random_state=1
    )
    result[f"factors{size}"] = measured(model, train, test)
print(json.dumps(result))
