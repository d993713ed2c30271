autocmd BufRead,BufNewFile *.cps setfiletype cps
