<?php

// Counts what was done.
$done = count(glob(getenv('DONE_DIR') . '/*.json'));
$report = getenv('DONE_DIR') . '/.report';
file_put_contents("$report.new", json_encode(['done' => $done, 'by' => getenv('SCHEDULE')]));
rename("$report.new", $report);
